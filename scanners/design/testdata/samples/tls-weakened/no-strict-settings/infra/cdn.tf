min_tls_version = "TLS1_2"
