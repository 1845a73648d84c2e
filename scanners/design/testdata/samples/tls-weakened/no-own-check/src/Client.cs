handler.ServerCertificateCustomValidationCallback = (message, cert, chain, errors) => Pinned(cert, errors);
