import { useLayoutEffect, useEffectEvent } from 'react';

export type Shortcuts = Readonly<Record<string, () => void>>;

/**
 * Single keys do things while no field has the focus; Enter on a button is the button's own. A shortcut is named as the
 * key is, `Shift+Enter` excepted.
 */
export function useShortcuts(shortcuts: Shortcuts): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest('input, textarea, select, dialog') != null) return;
    if (event.key === 'Enter' && target?.closest('button, a, summary') != null) return;
    const act = shortcuts[event.shiftKey && event.key === 'Enter' ? 'Shift+Enter' : event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event);
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
}
