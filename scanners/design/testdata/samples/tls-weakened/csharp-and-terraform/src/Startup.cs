handler.ServerCertificateCustomValidationCallback = (message, cert, chain, errors) => true;
