if (this.state !== nextState) { this.render(); }
