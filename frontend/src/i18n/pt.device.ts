/** Words about what is kept on this device: they stand in a part of the page that comes later. */
export const ptDevice = {
  "device.title": "Neste aparelho",
  "device.keep": "Guardar as conversas que eu abrir, para ler sem conexão",
  "device.hint":
    "Ficam só neste navegador, sem criptografia, por até 14 dias, e somem quando você sai da conta ou quando outra pessoa entra. Num computador compartilhado, deixe desmarcado e saia da conta ao terminar.",
} as const;
