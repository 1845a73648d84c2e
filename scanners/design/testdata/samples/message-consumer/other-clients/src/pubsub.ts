export class PubSub {}
const p = new PubSub();
