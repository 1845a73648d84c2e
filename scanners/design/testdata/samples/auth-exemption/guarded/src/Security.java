import org.springframework.security.config.annotation.web.builders.HttpSecurity;

class Security {
    // http.csrf(c -> c.disable())
    void on(HttpSecurity http) { http.authorizeHttpRequests(a -> a.anyRequest().authenticated()); }
}
