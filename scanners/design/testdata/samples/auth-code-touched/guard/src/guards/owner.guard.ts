export class OwnerGuard {
  canActivate() {
    return true;
  }
}
