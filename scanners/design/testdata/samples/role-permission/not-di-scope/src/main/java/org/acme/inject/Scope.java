package org.acme.inject;

public enum Scope { SINGLETON, PROTOTYPE, THREAD }
