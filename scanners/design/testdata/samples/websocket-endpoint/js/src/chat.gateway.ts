@WebSocketGateway({ namespace: 'chat' })
export class ChatGateway {}
