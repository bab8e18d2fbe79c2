import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { type Bridge, CALL_CHANNEL, type CallReply, EVENT_CHANNEL } from '../../shared/contract/bridge.ts';
import type { EventName, EventPayload } from '../../shared/contract/events.ts';

const listeners = new Map<string, Set<(payload: never) => void>>();

ipcRenderer.on(EVENT_CHANNEL, (_event, name: EventName, payload: unknown) => {
  for (const listener of listeners.get(name) ?? []) listener(payload as never);
});

const bridge: Bridge = {
  call: (name, input) => ipcRenderer.invoke(CALL_CHANNEL, name, input) as Promise<CallReply<typeof name>>,
  on<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): () => void {
    const set = listeners.get(name) ?? new Set();
    listeners.set(name, set.add(listener));
    return () => set.delete(listener);
  },
  pathOf: (file) => webUtils.getPathForFile(file),
};

contextBridge.exposeInMainWorld('pairlight', bridge);
