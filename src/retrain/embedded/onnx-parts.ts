/** Numbers of onnx.proto: TensorProto.DataType and AttributeProto.AttributeType. */
export const dataType = { float: 1, int32: 6, int64: 7 };
const attributeType = { int: 2, ints: 7 };

/** An operator with one output. */
export function node(
  opType: string,
  input: string[],
  output: string,
  attributes: Record<string, number | number[]> = {},
) {
  const attribute = Object.entries(attributes).map(([name, given]) =>
    Array.isArray(given)
      ? { name, ints: given, type: attributeType.ints }
      : { name, i: given, type: attributeType.int },
  );
  return { opType, input, output: [output], attribute };
}

/** Raw data is little-endian, as is every machine onnxruntime-node runs on. */
export function tensor(name: string, type: number, dims: number[], data: Float32Array | BigInt64Array) {
  return { name, dataType: type, dims, rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** An input or output of a graph. */
export function value(name: string, elemType: number, dims: (string | number)[]) {
  const dim = dims.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}
