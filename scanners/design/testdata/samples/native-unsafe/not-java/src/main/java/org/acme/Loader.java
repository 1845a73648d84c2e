package org.acme;

class Loader {
    void load() { System.out.println("System.loadLibrary"); }
}
