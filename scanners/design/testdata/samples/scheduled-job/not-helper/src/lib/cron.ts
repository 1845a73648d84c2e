export function nextRun(expression: string): Date {
  return parseExpression(expression).next().toDate();
}
// new CronJob('* * * * *', tick)
