export enum HeaderNames {
  ORIGIN = 'access-control-allow-origin',
  METHODS = 'access-control-allow-methods',
}
