const [pay] = useMutation(PAY);
export class Mutation extends Base {}
