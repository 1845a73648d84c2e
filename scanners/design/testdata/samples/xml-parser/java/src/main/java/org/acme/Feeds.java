package org.acme;

class Feeds {
    DocumentBuilder builder() throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder();
    }
}
