package design

import (
	"bytes"
	"go/ast"
	"strings"
)

var goCrypto = rex(`^(crypto/(aes|cipher|des|rc4|rsa|ecdsa|ed25519|ecdh|hmac|hkdf|mlkem)|golang\.org/x/crypto/(nacl/\w+|chacha20|chacha20poly1305|hkdf|curve25519|openpgp(/\w+)?|ed25519|xts|blowfish|cast5|twofish|tea|xtea|salsa20)|filippo\.io/age|github\.com/tink-crypto/[\w/.-]+|github\.com/ProtonMail/(go-crypto|gopenpgp)[\w/.-]*|github\.com/minio/sio|github\.com/cloudflare/circl/[\w/]+)$`)

var cryptoPatterns = []pattern{
	{rule: "crypto-use", in: []language{javascript}, words: []string{"crypto", "subtle", "createHmac", "createSign", "createVerify", "generateKeyPair", "diffieHellman", "createPrivateKey", "node-forge", "tweetnacl", "libsodium", "openpgp", "node-rsa", "elliptic", "@noble"}, key: each("{p}{q}{r}"),
		re: rex(`\b(?P<p>createCipheriv|createDecipheriv|createHmac|createSign|createVerify|generateKeyPair(?:Sync)?|createPrivateKey|diffieHellman)\(|\b(?P<q>subtle\.(?:encrypt|decrypt|sign|verify|deriveKey|importKey|generateKey|wrapKey))\(|(?:from|require\(|import\()\s*["'](?P<r>crypto-js(?:/\w+)?|node-forge|tweetnacl|libsodium[\w-]*|openpgp|node-rsa|elliptic|@noble/(?:ciphers|curves|ed25519|secp256k1)[\w/.-]*)["']`)},
	{rule: "crypto-use", in: []language{python}, words: []string{"cryptography", "Crypto", "nacl", "hmac", "Fernet"}, key: each("{p}{q}{r}"),
		re: rex(`(?m)^\s*(?:from|import)\s+(?P<p>cryptography\.(?:fernet|hazmat\.primitives(?:\.ciphers|\.asymmetric|\.hmac|\.kdf|\.serialization)?)|Crypto(?:dome)?\.(?:Cipher|PublicKey|Signature)|nacl(?:\.\w+)?)\b|\b(?P<q>hmac\.(?:new|digest))\(|\b(?P<r>Fernet|MultiFernet)\(`)},
	{rule: "crypto-use", in: []language{java}, words: []string{".getInstance"}, key: each("{p} {q}"),
		re: rex(`\b(?P<p>(?:Cipher|Mac|KeyGenerator|KeyPairGenerator|Signature|KeyAgreement|SecretKeyFactory)\.getInstance)\(\s*(?:"(?P<q>[\w/.-]+)")?`)},
	{rule: "crypto-use", in: []language{csharp}, words: []string{".Create", "HMAC", "AesGcm", "AesManaged", "CryptoService", "ChaCha20"}, key: each("{p}"),
		re: rex(`\b(?P<p>(?:Aes|RSA|ECDsa|ECDiffieHellman|TripleDES|DES)\.Create|new (?:HMACSHA\d+|HMACMD5|AesGcm|AesManaged|RSACryptoServiceProvider|ChaCha20Poly1305)|HMACSHA\d+\.HashData|\w*[dD]ataProtect(?:or|ionProvider)\.CreateProtector)\(`)},
	{rule: "crypto-use", in: []language{ruby}, words: []string{"OpenSSL", "ActiveSupport::Message", "RbNaCl", "encrypt"}, key: each("{p}"),
		re: rex(`\b(?P<p>OpenSSL::(?:Cipher|HMAC|PKey)(?:::\w+)?|ActiveSupport::Message(?:Encryptor|Verifier)|RbNaCl::\w+)\b|^\s*(?P<q>encrypts|has_encrypted|attr_encrypted)\s+:\w+`)},
	{rule: "crypto-use", in: []language{php}, words: []string{"openssl_", "sodium_", "hash_hmac", "Crypt::"}, key: each("{p}"),
		re: rex(`\b(?P<p>openssl_(?:encrypt|decrypt|sign|verify|seal|pkey_new)|sodium_crypto_\w+|hash_hmac|Crypt::(?:encrypt|decrypt)(?:String)?)\(`)},
	{rule: "crypto-use", in: []language{rust}, words: []string{"use "}, key: each("{p}"),
		re: rex(`(?m)^\s*(?:pub )?use (?P<p>(?:aes_gcm|aes|chacha20poly1305|rsa|ed25519_dalek|x25519_dalek|hmac|p256|k256|ring::(?:aead|hmac|signature|agreement)|openssl::(?:symm|rsa|pkey|sign|ec))\b)`)},
}

// cryptography finds uses of keys. Digests without a key are left out, and so is the storage of passwords.
func cryptography(s *source) {
	s.match(cryptoPatterns)
	if g := s.goFile(); g != nil {
		for _, i := range g.file.Imports {
			if name := strings.Trim(i.Path.Value, `"`); goCrypto.MatchString(name) {
				s.add("crypto-use", name, g.line(i.Pos()))
			}
		}
	}
}

var tlsPatterns = []pattern{
	{rule: "tls-weakened", in: []language{javascript}, words: []string{"rejectUnauthorized", "strictSSL", "NODE_TLS"}, re: rex(`\brejectUnauthorized["']?\s*:\s*false\b|\bstrictSSL["']?\s*:\s*false\b|\bNODE_TLS_REJECT_UNAUTHORIZED["'\]]*\s*[=:]\s*["']?0`), key: tlsKey},
	{rule: "tls-weakened", in: []language{python}, words: []string{"ssl", "verify", "check_hostname", "validate_certs"}, re: rex(`\bssl\.CERT_NONE\b|\bssl\._create_unverified_context\b|\b(?:check_hostname|\w*session\w*\.verify|client\.verify)\s*=\s*False\b|\b(?:verify_ssl|ssl_verify|verify_certs|validate_certs|verify_ssl_certs)\s*=\s*False\b|\b_create_default_https_context\s*=`), key: tlsKey},
	{rule: "tls-weakened", in: []language{java}, words: []string{"HostnameVerifier", "ostnameVerifier", "TrustAll", "TrustSelf", "InsecureTrust", "ALLOW_ALL", "checkServerTrusted"}, re: rex(`\bNoopHostnameVerifier\.INSTANCE\b|\bTrustAllStrategy\(|\bTrustAllStrategy\.INSTANCE|\bTrustSelfSignedStrategy\(|\bInsecureTrustManagerFactory\.INSTANCE|\bALLOW_ALL_HOSTNAME_VERIFIER\b|\bcheckServerTrusted\([^(){};]*\)[^(){};]*\{\s*\}|[hH]ostnameVerifier\(?\s*(?:\(|\{)\s*\w+,\s*\w+\)?\s*->\s*true`), key: tlsKey},
	{rule: "tls-weakened", in: []language{csharp}, words: []string{"Certificate", "RequireHttps"}, re: rex(`\bDangerousAcceptAnyServerCertificateValidator\b|\b(?:ServerCertificateCustomValidationCallback|ServerCertificateValidationCallback|RemoteCertificateValidationCallback)\s*(?:\+?=|\()\s*(?:delegate\s*\{\s*return true|\([^()]*\)\s*=>\s*(?:true|\{\s*return true))|\bTrustServerCertificate\s*=\s*true\b|\bRequireHttpsMetadata\s*=\s*false\b`), key: tlsKey},
	{rule: "tls-weakened", in: []language{ruby}, words: []string{"VERIFY_NONE", "verify"}, re: rex(`\bVERIFY_NONE\b|\bverify_ssl:\s*false\b|\bssl:\s*\{\s*verify:\s*false\b`), key: tlsKey},
	{rule: "tls-weakened", in: []language{php}, words: []string{"VERIFY", "verify", "withoutVerifying"}, re: rex(`\bCURLOPT_SSL_VERIFY(?:PEER|HOST)\s*(?:,|=>)\s*(?:false|0|FALSE)\b|["']verify(?:_peer(?:_name)?)?["']\s*=>\s*false\b|\bwithoutVerifying\(\)`), key: tlsKey},
	{rule: "tls-weakened", in: []language{rust}, words: []string{"danger_accept", "SslVerifyMode"}, re: rex(`\bdanger_accept_invalid_(?:certs|hostnames)\(\s*true\b|\bSslVerifyMode::NONE\b|\bset_verify\(\s*SslVerifyMode::NONE`), key: tlsKey},
	{rule: "tls-weakened", in: []language{hcl}, words: []string{"insecure", "skip_", "tls_version", "protocol_version"}, re: rex(`\binsecure_ssl\s*=\s*(?:true|"1")|\b(?:skip_tls_verify|insecure_skip_verify|skip_verify)\s*=\s*true\b|\bmin(?:imum)?_tls_version\s*=\s*"(?:TLS1_[01]|TLS1[01]|TLSv1(?:\.[01])?|1\.[01])"|\bminimum_protocol_version\s*=\s*"(?:SSLv3|TLSv1(?:_2016|\.1_2016)?)"`), key: tlsKey},
	{rule: "tls-weakened", in: []language{yaml}, words: []string{"nsecure", "skip_verify", "NODE_TLS"}, re: rex(`(?m)^\s*-?\s*["']?(?:insecureSkipVerify|insecure_skip_verify|tls_skip_verify|insecureSkipTLSVerify|insecure-skip-tls-verify)["']?\s*:\s*["']?true\b|\bNODE_TLS_REJECT_UNAUTHORIZED["']?\s*[:=]\s*["']?0`), key: tlsKey},
}

// tlsKey is what is switched, without its value and what surrounds it.
func tlsKey(match map[string]string) string {
	text := match[""]
	if i := strings.IndexAny(text, "({=:"); i > 0 && !strings.HasPrefix(text, "danger_") {
		text = text[:i]
	}
	return strings.Trim(text, " -\t\n\"':,]")
}

var plainPatterns = []pattern{
	{rule: "plaintext-internal", in: []language{golang}, re: rex(`\binsecure\.NewCredentials\(\)|\bgrpc\.WithInsecure\(\)`)},
	{rule: "plaintext-internal", in: []language{python}, re: rex(`\binsecure_channel\(`)},
	{rule: "plaintext-internal", in: []language{java}, re: rex(`\.usePlaintext\(\)`)},
	{rule: "plaintext-internal", in: []language{javascript}, re: rex(`\bcredentials\.createInsecure\(\)|\bChannelCredentials\.createInsecure\(\)`)},
	{rule: "plaintext-internal", in: []language{csharp}, re: rex(`\bChannelCredentials\.Insecure\b`)},
	{rule: "plaintext-internal", in: []language{ruby}, re: rex(`:this_channel_is_insecure\b`)},
}

// plaintextHops finds connections between services without TLS: one fact for a file, however often it connects.
func plaintextHops(s *source) {
	if !s.has("nsecure", "usePlaintext") {
		return
	}
	for _, p := range plainPatterns {
		if s.is(p.in...) && !ownServer.MatchString(s.path) {
			if at := p.re.FindIndex(s.code()); at != nil {
				s.add(p.rule, "grpc-plaintext", s.lineAt(at[0]), named("gRPC without TLS"))
			}
		}
	}
}

// ownServer are helpers of tests outside of test folders.
var ownServer = rex(`(?i)(testutil|bufconn|fake|mock)`)

// weakTLS finds where the check of a certificate, or the version of TLS, is weakened.
func weakTLS(s *source) {
	s.match(tlsPatterns)
	switch {
	case s.is(golang):
		s.goTLS()
	case s.is(python):
		s.pythonVerify()
	}
}

func (s *source) goTLS() {
	if !bytes.Contains(s.text, []byte("InsecureSkipVerify")) && !bytes.Contains(s.text, []byte("MinVersion")) && !bytes.Contains(s.text, []byte("sslmode=disable")) {
		return
	}
	g := s.goFile()
	checked := map[ast.Node]bool{} // values of configurations that check by themselves
	ast.Inspect(g.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			own := false
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					own = own || ownCheck.MatchString(lastName(kv.Key))
				}
			}
			for _, e := range n.Elts {
				checked[e] = own
			}
		case *ast.KeyValueExpr:
			s.goWeak(g, lastName(n.Key), n.Value, checked[n])
		case *ast.AssignStmt:
			if len(n.Lhs) == 1 && len(n.Rhs) == 1 {
				s.goWeak(g, lastName(n.Lhs[0]), n.Rhs[0], false)
			}
		case *ast.BasicLit:
			if text, at := goString(n, 0); strings.Contains(text, "sslmode=disable") && !localDatabase.MatchString(text) {
				s.add("tls-weakened", "sslmode=disable", g.line(at))
			}
		}
		return true
	})
}

var (
	ownCheck      = rex(`^(VerifyPeerCertificate|VerifyConnection)$`)
	localDatabase = rex(`(?i)localhost|127\.0\.0\.1|\[::1\]|/var/run|usage|example`)
)

func (s *source) goWeak(g *goSource, name string, value ast.Expr, checked bool) {
	switch text := lastName(value); {
	case name == "InsecureSkipVerify" && text == "true":
		var options []option
		if checked {
			options = append(options, closed("the same configuration checks the certificate by its own function"))
		}
		s.add("tls-weakened", "InsecureSkipVerify", g.line(value.Pos()), options...)
	case name == "MinVersion" && (text == "VersionTLS10" || text == "VersionTLS11" || text == "VersionSSL30"):
		s.add("tls-weakened", "MinVersion "+text, g.line(value.Pos()))
	}
}

var (
	verifyFalse = rex(`\b(?:verify|ssl)\s*=\s*False\b`)
	httpCall    = rex(`(?i)(^|\.)(get|post|put|patch|delete|head|request|options|Session|Client|AsyncClient|ClientSession|TCPConnector|send|stream|ws_connect|Elasticsearch|OpenSearch|api_call|\w*requests?|client)$`)
)

// pythonVerify finds verify=False in calls of clients. In other calls, such as jwt.decode, it means something else.
func (s *source) pythonVerify() {
	text := s.code()
	for _, at := range verifyFalse.FindAllIndex(text, -1) {
		if call := callAround(text, at[0]); httpCall.MatchString(call) {
			s.add("tls-weakened", "verify=False in "+call, s.lineAt(at[0]))
		}
	}
}

// callAround returns the name of the call whose arguments an offset is in; empty for none.
func callAround(text []byte, at int) string {
	depth := 0
	for i := at - 1; i >= 0 && i > at-2000; i-- {
		switch text[i] {
		case ')', ']', '}':
			depth++
		case '[', '{':
			depth--
		case '(':
			if depth--; depth < 0 {
				begin := i
				for begin > 0 && (text[begin-1] == '.' || text[begin-1] == '_' || isWord(text[begin-1])) {
					begin--
				}
				return string(text[begin:i])
			}
		}
	}
	return ""
}

func isWord(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}
