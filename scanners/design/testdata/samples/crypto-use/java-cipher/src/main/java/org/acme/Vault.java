class Vault {
  byte[] open(byte[] b) throws Exception {
    Cipher c = Cipher.getInstance("AES/GCM/NoPadding");
    return c.doFinal(b);
  }
}
