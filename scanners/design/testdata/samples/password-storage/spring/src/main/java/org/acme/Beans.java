package org.acme;

import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;

class Beans {
    PasswordEncoder encoder() { return new BCryptPasswordEncoder(); }
}
