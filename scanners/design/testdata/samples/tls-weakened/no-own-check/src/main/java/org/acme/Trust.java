import org.apache.http.conn.ssl.NoopHostnameVerifier;
class Trust implements X509TrustManager {
  public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException { delegate.checkServerTrusted(chain, type); }
}
