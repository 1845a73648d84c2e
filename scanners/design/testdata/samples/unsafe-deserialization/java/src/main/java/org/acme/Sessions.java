package org.acme;

import java.io.ObjectInputStream;

class Sessions {
    Object read(InputStream in) throws Exception { return new ObjectInputStream(in).readObject(); }
}
