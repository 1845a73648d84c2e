package org.acme;

class Reader {
    // new ObjectInputStream(in)
    Order read(String text) { return mapper.readValue(text, Order.class); }
}
