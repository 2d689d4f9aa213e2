/** Words about the line, and about what is kept on this device. */
export const ptOffline = {
  "chat.coming": "Esperando a conexão",
  "chat.unfetched": "Não foi possível buscar esta conversa.",
  "chat.kept": "Como estava neste aparelho em {time}. O que for mais novo chega quando a conexão voltar.",
  "app.unfetched": "Não foi possível buscar isto agora.",
  "app.again": "Buscar de novo",
  "auth.unsent": "{n} mensagens ainda não foram enviadas. Sair apaga todas elas.",
  "auth.unsent.one": "Uma mensagem ainda não foi enviada. Sair apaga essa mensagem.",
  "auth.left": "Você saiu neste aparelho, e nada seu ficou nele. Agora não há conexão: deixe esta página aberta, e a saída termina assim que houver uma.",
  "auth.out.sure": "Sair mesmo assim",
  "auth.out.stay": "Ficar",
} as const;
