/** Por que a GPU fica ligada por tanto tempo sem uso. */
export const ptIdle = {
  "idle.pauses": "{shorter} das últimas {pauses} pausas em horários como este foram mais curtas; ligar de novo custa o mesmo que deixá-la {restart} ligada.",
  "idle.few_known": "Ainda há poucas pausas registradas em horários como este ({pauses}); ligar de novo custa o mesmo que deixá-la {restart} ligada.",
  "idle.unused": "Ninguém perguntou nada ainda: ela espera um pouco mais por quem a ligou.",
  "idle.bedrock_cheaper": "Uma hora como a última sai por {bedrock} no Bedrock, e esta GPU custa {gpu} por hora.",
};
