import { app, Menu, type MenuItemConstructorOptions } from 'electron';
import { APP_COMMANDS, type AppCommand, type AppCommandId } from '../../shared/contract/commands.ts';

/**
 * The application's menu. Items of the shared command list are carried out by the window's own command registry.
 * @param send forwards a command to the window.
 */
export function buildMenu(send: (command: AppCommandId) => void): Menu {
  const commands = (menu: AppCommand['menu']): MenuItemConstructorOptions[] =>
    APP_COMMANDS.filter((command) => command.menu === menu).map(({ id, label, accelerator }) => ({
      id,
      label,
      click: () => send(id),
      ...(accelerator !== null && { accelerator }),
    }));
  const mac: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }] : [];
  const developer: MenuItemConstructorOptions[] = app.isPackaged
    ? []
    : [{ type: 'separator' }, { role: 'reload' }, { role: 'toggleDevTools' }];
  return Menu.buildFromTemplate([
    ...mac,
    { label: '&File', submenu: [...commands('file'), { type: 'separator' }, { role: 'quit' }] },
    { label: '&Edit', role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        ...commands('view'),
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        ...developer,
      ],
    },
    { label: '&Help', role: 'help', submenu: commands('help') },
  ]);
}
