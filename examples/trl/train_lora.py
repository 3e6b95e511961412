"""A trainer for `retrain.trainer.kind: command`: a LoRA adapter by TRL, served by vLLM.

pip install trl peft datasets; needs a GPU. Set BASE_MODEL and ADAPTERS (a folder that vLLM reads too), start vLLM with
`--enable-lora` and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and set `serve.lora: true`.
"""

import json
import os
from pathlib import Path

from datasets import load_dataset
from peft import LoraConfig
from transformers import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

run = os.environ["RELEARN_RUN"].replace("/", "-")
checkpoints = os.environ["RELEARN_CHECKPOINTS"]
adapter = Path(os.environ["ADAPTERS"]) / run


class Report(TrainerCallback):
    def on_log(self, args, state, control, **_):
        if state.max_steps > 0:
            print(json.dumps({"progress": min(1.0, state.global_step / state.max_steps)}), flush=True)


trainer = SFTTrainer(
    model=os.environ["BASE_MODEL"],
    # {"messages": [...]} a line, and "tools" where the model had any: the form TRL reads as a conversation.
    # `datasets` 5 reads tools of different parameters as they are; older ones fill each with what the others have.
    train_dataset=load_dataset("json", data_files=os.environ["RELEARN_DATASET"], split="train"),
    peft_config=LoraConfig(r=16, lora_alpha=32, task_type="CAUSAL_LM"),
    args=SFTConfig(
        output_dir=checkpoints,
        seed=int(os.environ["RELEARN_SEED"]),
        num_train_epochs=3,
        save_steps=50,
        logging_steps=5,
        report_to="none",
    ),
    callbacks=[Report()],
)
# A worker that was killed left its last checkpoint here.
trainer.train(resume_from_checkpoint=get_last_checkpoint(checkpoints))
trainer.save_model(str(adapter))
print(json.dumps({"upstreamModel": run, "loraPath": str(adapter)}), flush=True)
