package design

// identitySinks are login paths: identity providers, second factors, and the own password login.
func identitySinks() []sink {
	const rule = "identity-provider"
	passwordless := rex(`(?i)jwt|bearer`)
	off := rex(`(?i)disable`)
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"passport.use("}, strings: true,
			re: rex(`passport\.use\(\s*(?:['"][\w-]+['"],\s*)?(?:new\s+)?(?P<k>[\w.]+)`), skip: passwordless, unless: rex(`passport-jwt|passport-http-bearer`)},
		{rule: rule, in: langs(javascript), words: []string{"PassportStrategy("}, strings: true,
			re: rex(`\bclass\s+(?P<k>\w+)\s+extends\s+PassportStrategy\(`), skip: passwordless, unless: rex(`passport-jwt|passport-http-bearer`)},
		{rule: rule, in: langs(javascript), words: []string{"passport-"}, strings: true, prefix: "passport-", re: rex(`(?:from|require\()\s*['"]passport-(?P<k>local|google-\w+|github\d?|facebook|twitter|linkedin-\w+|apple|microsoft|azure-ad|openidconnect|ldapauth|oauth2|discord|gitlab\w*|okta-\w+|auth0|headerapikey|magic-\w+|totp|custom)['"]`)},
		{rule: rule, in: langs(javascript), words: []string{"next-auth/providers", "@auth/core/providers", "@auth/sveltekit/providers", "@auth/express/providers"}, strings: true,
			re: rex(`(?m)^\s*import\s+\w+(?:\s*,\s*\{[^}]*\})?\s+from\s+['"](?:next-auth|@auth/\w+)/providers/(?P<k>[\w-]+)['"]`)},
		{rule: rule, in: langs(javascript), words: []string{"NextAuth(", "betterAuth(", "SvelteKitAuth("},
			re: rex(`\b(?P<k>NextAuth|betterAuth|SvelteKitAuth)\(`), skip: rex(`^NextAuth\((authOptions|authConfig|auth|nextAuthOptions)\)`)},
		{rule: rule, in: langs(javascript), words: []string{"openid-client", "saml", "samlify", "ldap", "simplewebauthn/server", "otplib", "speakeasy", "auth0", "lucia", "arctic", "keycloak-connect", "fido2-lib", "workos"}, strings: true, once: true,
			re: rex(`(?:from|require\()\s*['"](?P<k>openid-client|@node-saml/[\w-]+|passport-saml|samlify|saml2-js|ldapjs|ldapts|@simplewebauthn/server|fido2-lib|otplib|speakeasy|express-openid-connect|@auth0/nextjs-auth0|lucia|arctic|keycloak-connect|@workos-inc/\w+)['"]`)},
		{rule: rule, in: langs(python), words: []string{"SOCIAL_AUTH_", "AUTH_LDAP_SERVER_URI", "SAML_CONFIG", "SAML2_"},
			re: rex(`\b(?:SOCIAL_AUTH_(?P<k>[A-Z0-9_]+?)_(?:OAUTH2_)?(?:KEY|CLIENT_ID)|AUTH_LDAP_SERVER_URI|SAML_CONFIG|SAML2_AUTH)\b["']?\s*[:=]`)},
		{rule: rule, in: langs(python), words: []string{"OAuth2PasswordBearer(", "OAuth2AuthorizationCodeBearer(", "HTTPBearer(", "HTTPBasic(", "APIKeyHeader(", "APIKeyCookie(", "APIKeyQuery(", "LoginManager(", "ldap", "pyotp", "OneLogin_Saml2_Auth(", "ConfidentialClientApplication(", "webauthn"},
			re:   rex(`\b(?P<k>OAuth2PasswordBearer|OAuth2AuthorizationCodeBearer|HTTPBearer|HTTPBasic|APIKey(?:Header|Cookie|Query)|LoginManager|ldap\.initialize|ldap3\.Connection|pyotp\.\w+|OneLogin_Saml2_Auth|msal\.ConfidentialClientApplication|webauthn\.(?:generate|verify)\w+|verify_(?:registration|authentication)_response)\(`),
			skip: rex(`^pyotp\.random`)},
		{rule: rule, in: langs(python), words: []string{"oauth"}, strings: true,
			re: rex(`\boauth\.register\(\s*(?:name\s*=\s*)?(?P<k>['"]\w+['"]|\w+)`)},
		{rule: rule, in: langs(python), words: []string{"allauth.socialaccount.providers."}, strings: true,
			re: rex(`['"]allauth\.socialaccount\.providers\.(?P<k>\w+)['"]`)},
		{rule: rule, in: langs(python), words: []string{"Authentication", "Backend"},
			re: rex(`(?m)^class\s+(?P<k>\w+)\([^)\n]*\b(?:BaseAuthentication|TokenAuthentication|SessionAuthentication|BasicAuthentication|JWTAuthentication|ModelBackend|BaseBackend|RemoteUserBackend|OIDCAuthenticationBackend|BaseOAuth2|SAMLAuth|LDAPBackend|AuthenticationBackend)\b`)},
		{rule: rule, in: langs(python), words: []string{"AUTHENTICATION_BACKENDS"}, strings: true, re: rex(`['"][\w.]*(?i:auth|ldap|saml|oidc|sso|account)[\w.]*\.(?P<k>\w*Backend)['"]`)},
		{rule: rule, in: langs(python), words: []string{"DEFAULT_AUTHENTICATION_CLASSES"}, strings: true, re: rex(`['"](?:\w+\.)+(?P<k>\w+Authentication)['"]`)},
		{rule: rule, in: langs(python), words: []string{"verify_id_token(", "verify_oauth2_token(", "verify_firebase_token("}, re: rex(`\b(?P<k>verify_id_token|verify_oauth2_token|verify_firebase_token)\(`), skip: rex(`^def `)},
		{rule: rule, in: langs(javascript), words: []string{"clerkMiddleware(", "signInWith", "verifyIdToken(", "CognitoJwtVerifier", "InitiateAuthCommand("}, re: rex(`\b(?P<k>clerkMiddleware|signInWith(?:Password|OAuth|Otp|IdToken|SSO|Popup|Redirect|EmailAndPassword|Credential|PhoneNumber)|verifyIdToken|CognitoJwtVerifier\.create|InitiateAuthCommand)\(`)},
		{rule: rule, in: langs(java), words: []string{"io.ktor.server.auth"}, strings: true, re: rex(`(?m)^\s*(?P<k>jwt|oauth|basic|bearer|form|digest|ldap|session(?:<\w+>)?)\(\s*(?:"[\w-]*")?\s*\)\s*\{`), imports: rex(`install\(Authentication\)|authentication\s*\{`)},
		{rule: rule, in: langs(csharp), words: []string{"AddScheme<"}, re: rex(`\.AddScheme<[^>]*,\s*(?P<k>\w+)>\(`)},
		{rule: rule, in: langs(java), words: []string{"oauth2Login(", "saml2Login(", "ldapAuthentication(", "formLogin(", "httpBasic(", "oneTimeTokenLogin(", "webAuthn(", "rememberMe(", "oauth2Login {", "formLogin {", "httpBasic {"},
			re: rex(`\b(?P<k>oauth2Login|saml2Login|ldapAuthentication|formLogin|httpBasic|oneTimeTokenLogin|webAuthn|rememberMe)\s*[({]`), statement: true,
			skip: rex(`(?i)^\w+\s*[({]\s*(?:\)\s*\.(?:and\(\)\s*\.)?disable|[\w.]*::\s*disable|\(?\w*\)?\s*->\s*\{?\s*\w+\.disable|(?:it\.)?disable\(\))`)},
		{rule: rule, in: langs(java), words: []string{"AuthenticationProvider", "AbstractAuthenticationProcessingFilter", "UsernamePasswordAuthenticationFilter"},
			re: rex(`\bclass\s+(?P<k>\w+)[^{;]*\b(?:AuthenticationProvider|AbstractUserDetailsAuthenticationProvider|AbstractAuthenticationProcessingFilter|UsernamePasswordAuthenticationFilter)\b[^{;]*\{`)},
		{rule: rule, in: langs(csharp), words: []string{".Add", "MapIdentityApi<"},
			re: rex(`\.(?P<k>Add(?:OpenIdConnect|Google|Facebook|MicrosoftAccount|Twitter|GitHub|Apple|Saml2|Negotiate|Certificate|OAuth|IdentityServer|Auth0WebAppAuthentication|MicrosoftIdentityWeb(?:App|Api)\w*|IdentityApiEndpoints|ApiKey\w*|Ldap\w*)|MapIdentityApi)(?:<[\w., ]*>)?\(`), skip: off},
		{rule: rule, in: langs(csharp), words: []string{"AuthenticationHandler<"},
			re: rex(`\bclass\s+(?P<k>\w+)[^{;]*:\s*(?:AuthenticationHandler|RemoteAuthenticationHandler)<`)},
		{rule: rule, in: langs(ruby), words: []string{"provider"}, path: rex(`(?i)omni_?auth|devise|auth|oidc|initializers`),
			re: rex(`(?m)^\s*provider[\s(]+:(?P<k>\w+)`), strings: true},
		{rule: rule, in: langs(ruby), words: []string{"config.omniauth", "omniauthable", "two_factor_authenticatable", "database_authenticatable", "ROTP::", "WebAuthn", "http_basic"}, strings: true,
			re: rex(`config\.omniauth\s+:(?P<k>\w+)|:(?:omniauthable|two_factor_authenticatable|two_factor_backupable|database_authenticatable|magic_link_authenticatable|ldap_authenticatable)\b|\bROTP::TOTP\.new|\bWebAuthn::Credential\.\w+|\bhttp_basic_authenticate_with\b|\bauthenticate_or_request_with_http_(?:basic|token)\b`)},
		{rule: rule, in: langs(php), words: []string{"Socialite::driver", "Auth::", "Authenticator", "Fortify::"}, strings: true,
			re: rex(`Socialite::driver\(\s*['"]?(?P<k>[\w$-]+)|\bAuth::(?:viaRequest|extend|provider)\(|\bclass\s+\w+\s+extends\s+(?:AbstractAuthenticator|AbstractLoginFormAuthenticator|OAuth2Authenticator)\b|\bFortify::authenticateUsing\b`)},
		{rule: rule, in: langs(rust), words: []string{"BasicClient::", "CoreClient::", "WebauthnBuilder", "TOTP::"},
			re: rex(`\b(?P<k>BasicClient::new|CoreClient::\w+|WebauthnBuilder::new|TOTP::new)\b`)},
		{rule: rule, in: langs(other), words: []string{"spring.security.oauth2.client.registration."}, path: rex(`\.properties$`),
			re: rex(`(?m)^\s*spring\.security\.oauth2\.client\.registration\.(?P<k>[\w-]+)\.client-id`)},
	}
}

// loginSinks are places where code of its own lets somebody in: a session begins, or a request's credential is read.
func loginSinks() []sink {
	const rule = "identity-provider"
	const header = `(?:[aA]uthorization|AUTHORIZATION|[xX]-[aA][pP][iI]-[kK][eE][yY]|[aA]pi-?[kK]ey)`
	sends := rex(`(?i)\b(?:proxy|forward)|(?:^|/)clients?/`)
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"req.log", "req.session."}, re: rex(`\b(?P<k>req\.log[iI]n|req\.session\.(?:user|account|auth|loggedIn|isLoggedIn|uid|userid)\w*)\s*(?:\(|=[^=])`)},
		{rule: rule, in: langs(javascript), words: []string{"uthorization", "api-key", "API-Key", "Api-Key"}, strings: true, notPath: sends, prefix: "header ",
			re: rex(`(?:^|[^\w.$(\s]\s*|\bif\s*\(\s*|\breturn\s+)(?:req|request|ctx|c\.req|event)\.(?:request\.)?headers\??(?:\.(?P<a>authorization)|\[['"](?P<b>` + header + `)['"]\]|\.get\(\s*['"](?P<c>` + header + `)['"]\s*\))|\breq(?:uest)?\.(?:get|header)\(\s*['"](?P<d>` + header + `)['"]|\bgetHeader\(event,\s*['"](?P<e>` + header + `)['"]`), skip: rex(`headers\??(?:\.\w+|\[[^\]]+\])\s*=[^=]`)},
		{rule: rule, in: langs(python), words: []string{"login(", "login_user("}, re: rex(`(?m)(?:^|[\s.])(?P<k>(?:auth_|django_|auth\.)?login\(\s*(?:self\.)?request\s*,|login_user\()`), skip: rex(`^def `)},
		{rule: rule, in: langs(python), words: []string{"uthorization", "AUTHORIZATION", "api-key", "API-Key", "Api-Key", "API-KEY", "API_KEY"}, strings: true, notPath: sends, prefix: "header ",
			re: rex(`\b(?:request|req|scope|conn)\.(?:headers|META)(?:\.get\(\s*|\[)["'](?P<k>(?:HTTP_)?` + header + `|HTTP_X_API_KEY)["']`), skip: rex(`\]\s*=[^=]`)},
		{rule: rule, in: langs(ruby), words: []string{"authenticate_by", "start_new_session_for", "authenticate_with_http", "Doorkeeper.configure", "generates_token_for", "sign_in"}, strings: true,
			re: rex(`\b(?P<k>authenticate_by|start_new_session_for|authenticate_with_http_\w+|Doorkeeper\.configure|generates_token_for :\w*(?:password|login|magic)\w*)\b|(?m:^\s*)(?P<s>sign_in)\(?\s*[@\w(:]`), skip: rex(`^def `)},
		{rule: rule, in: langs(ruby), words: []string{"uthorization", "X-Api-Key", "X-API-Key", "HTTP_AUTHORIZATION"}, strings: true, prefix: "header ", re: rex(`\brequest\.(?:headers|env)\[\s*["'](?P<k>(?:HTTP_)?(?:Authorization|AUTHORIZATION|X-Api-Key|X-API-Key))["']\]|\brequest\.(?P<a>authorization)\b`)},
		{rule: rule, in: langs(java), words: []string{"OncePerRequestFilter", "GenericFilterBean", "HandlerInterceptor"}, imports: rex(`SecurityContextHolder|AUTHORIZATION|"Authorization"|(?i)"x-api-key"`),
			re: rex(`\bclass\s+(?P<k>\w+)[^{;]{0,300}\b(?:OncePerRequestFilter|GenericFilterBean|HandlerInterceptor)\b[^{;]{0,100}\{`)},
		{rule: rule, in: langs(csharp), words: []string{"SignInAsync("}, re: rex(`\.(?P<k>(?:Password|External|ExternalLogin|TwoFactor\w*)?SignInAsync)\(\s*[^)\s]`)},
		{rule: rule, in: langs(csharp), words: []string{"uthorization", "Api-Key", "API-Key", "ApiKey"}, strings: true, prefix: "header ", re: rex(`\bRequest\.Headers(?:\[|\.TryGetValue\(\s*)(?:"(?P<k>` + header + `)"|HeaderNames\.(?P<h>Authorization))`)},
		{rule: rule, in: langs(php), words: []string{"Auth::", "auth()", "uthorization", "bearerToken("}, strings: true, re: rex(`\b(?P<k>Auth::(?:attempt|login|loginUsingId|onceUsingId)|auth\(\)->(?:attempt|login))\(|->(?P<h>bearerToken)\(\)|->(?:header|headers->get)\(\s*['"](?P<a>` + header + `)['"]`)},
		{rule: rule, in: langs(rust), words: []string{"AUTHORIZATION", "Authorization<", "authorization"}, imports: rex(`axum|actix|rocket|warp|tonic`), strings: true, re: rex(`\bheaders\(\)\s*\.get\(\s*(?:\w+::)*(?P<k>AUTHORIZATION|"authorization"|"x-api-key")|\bTypedHeader<(?P<t>Authorization<\w+>)`)},
	}
}

// tokenSinks issue, check and read self-contained tokens.
func tokenSinks() []sink {
	const rule, unverified = "token-issue-verify", "token-unverified"
	tests := []sinkSafety{{all: rexes(`(?i)algorithms?\b|HS\d|RS\d|ES\d|EdDSA|signWith`, `(?i)\baud(ience|iences)?\b|require_aud`), says: "the call fixes the algorithm and the audience"}}
	unsafePython := rex(`verify\s*=\s*False|verify_signature['"]?\s*[:=]\s*False`)
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"jwt.", "jsonwebtoken", "jws."}, imports: rex(`['"](?:jsonwebtoken|jose|jws|fast-jwt|@tsndr/cloudflare-worker-jwt|@nestjs/jwt|hono/jwt)['"]`), notPath: sinkScripts,
			re: rex(`\b(?P<k>(?:jwt|jsonwebtoken|JWT|jws)\.(?:sign|verify|signAsync|verifyAsync))\(`), safe: tests},
		{rule: rule, in: langs(javascript), words: []string{"jwtVerify(", "SignJWT(", "expressJwt(", "expressjwt(", "JwtModule.register", "jwtService.", "JwtStrategy", "fastifyJwt"}, notPath: sinkScripts,
			re: rex(`\b(?P<k>jwtVerify|new SignJWT|express[Jj]wt|JwtModule\.register(?:Async)?|[jJ]wtService\.(?:sign|verify)(?:Async)?|register\(\s*fastifyJwt)\(?`), skip: rex(`^jwtVerify\s*[,}]|^express[Jj]wt\s*[,}]|^express[Jj]wt\s+from`), safe: tests},
		{rule: rule, in: langs(javascript), words: []string{"passport-jwt"}, strings: true, once: true, re: rex(`from\s+['"](?P<k>passport-jwt)['"]|require\(['"]passport-jwt['"]\)`)},
		{rule: rule, in: langs(python), words: []string{"jwt"}, imports: rex(`(?m)^\s*(?:import|from)\s+(?:jwt|jose|authlib|joserfc)\b`), notPath: sinkScripts,
			re: rex(`\b(?P<k>(?:jose_)?jwt\.(?:encode|decode))\(`), skip: unsafePython, safe: tests},
		{rule: rule, in: langs(python), words: []string{"create_access_token(", "RefreshToken.for_user(", "JWTManager("}, notPath: sinkScripts,
			re: rex(`(?m)(?:^|[^\w.])(?P<k>create_access_token|RefreshToken\.for_user|JWTManager)\(`), imports: rex(`flask_jwt_extended|rest_framework_simplejwt`)},
		{rule: rule, in: langs(java), words: []string{"Jwts.", "JWT.", "JwtDecoder", "oauth2ResourceServer", "SignedJWT("},
			re: rex(`\b(?P<k>Jwts\.(?:builder|parser\w*)|JWT\.(?:create|require)|NimbusJwtDecoder\.\w+|NimbusReactiveJwtDecoder\.\w+|JwtDecoders\.\w+|oauth2ResourceServer|new SignedJWT|NimbusJwtEncoder)\s*[({]`), statement: true, skip: rex(`(?i)::\s*disable`), safe: tests},
		{rule: rule, in: langs(csharp), words: []string{"JwtSecurityTokenHandler(", "JsonWebTokenHandler(", "AddJwtBearer(", "TokenValidationParameters"},
			re: rex(`\b(?P<k>new JwtSecurityTokenHandler|new JsonWebTokenHandler|AddJwtBearer|new TokenValidationParameters)\s*[({]?`), skip: rex(`ReadJwtToken|ReadToken\(`)},
		{rule: rule, in: langs(ruby), words: []string{"JWT."}, re: rex(`\b(?P<k>JWT\.(?:encode|decode))\b`), skip: rex(`,\s*nil,\s*false|,\s*false\s*[,)]|,\s*false$`), safe: tests},
		{rule: rule, in: langs(php), words: []string{"JWT::", "JWTAuth::"}, re: rex(`\b(?P<k>JWT::(?:encode|decode)|JWTAuth::\w+)\(`)},
		{rule: rule, in: langs(rust), words: []string{"jsonwebtoken"}, re: rex(`\b(?P<k>(?:jsonwebtoken::)?(?:encode|decode)(?:::<[^>()]*>)?)\(\s*&`)},

		{rule: unverified, in: langs(python), words: []string{"jwt.decode("}, re: rex(`\bjwt\.decode\(`), name: "jwt.decode without verification", imports: unsafePython, onlyIf: unsafePython},
		{rule: unverified, in: langs(python), words: []string{"get_unverified_claims("}, re: rex(`\b(?P<k>jwt\.get_unverified_claims)\(`)},
		{rule: unverified, in: langs(javascript), words: []string{"jwt.decode(", "decodeJwt(", "jsonwebtoken.decode("}, imports: rex(`['"](?:jsonwebtoken|jose)['"]`), re: rex(`\b(?P<k>(?:jwt|jsonwebtoken)\.decode|decodeJwt)\(`)},
		{rule: unverified, in: langs(javascript), words: []string{"jwtDecode(", "jwt_decode("}, imports: rex(`['"](?:express|fastify|koa|next/server|next|hono|@nestjs/common|@trpc/server)['"]`), unless: rex(`['"](?:react|vue|@angular/core)['"]|^['"]use client`), re: rex(`\b(?P<k>jwtDecode|jwt_decode)(?:<[^>()]*>)?\(`)},
		{rule: unverified, in: langs(javascript), words: []string{"'none'", `"none"`}, strings: true, imports: rex(`(?i)jwt|jose`), re: rex(`\balg(?:orithms?)?['"]?\s*:\s*\[?\s*['"]none['"]`), name: "algorithm none"},
		{rule: unverified, in: langs(java), words: []string{"JWT.decode(", "parseClaimsJwt(", "unsecured()", "JWTParser.parse("}, re: rex(`\b(?P<k>JWT\.decode|parseClaimsJwt|unsecured|JWTParser\.parse)\(`), imports: rex(`(?i)jwt`)},
		{rule: unverified, in: langs(csharp), words: []string{"ReadJwtToken(", "ReadJsonWebToken(", "ValidateIssuerSigningKey", "RequireSignedTokens", "SignatureValidator"}, re: rex(`\b(?P<k>ReadJwtToken|ReadJsonWebToken|ValidateIssuerSigningKey\s*=\s*false|RequireSignedTokens\s*=\s*false|SignatureValidator\s*=)`)},
		{rule: unverified, in: langs(ruby), words: []string{"JWT.decode"}, re: rex(`\bJWT\.decode\b`), name: "JWT.decode without verification", onlyIf: rex(`,\s*(?:nil|\w+),\s*false\b`)},
		{rule: unverified, in: langs(rust), words: []string{"insecure_disable_signature_validation", "dangerous_insecure_decode", "insecure_decode"}, re: rex(`\b(?P<k>insecure_disable_signature_validation|dangerous_insecure_decode\w*|insecure_decode)\b`)},
	}
}

// cookieSinks set cookies. A cookie that is deleted, or that keeps how a page looks, is no decision.
func cookieSinks() []sink {
	const rule = "cookie-set"
	name := rex(`^[^('"]*\(\s*(?:\w+\s*,\s*)?(?:name\s*=\s*|key\s*=\s*)?["'` + "`" + `]([\w:.-]+)["'` + "`" + `]`)
	skip := rex(`(?i)max-?_?age['"]?\s*[:=]\s*(?:0|-1)\b|expires['"]?\s*[:=]\s*(?:0\b|new Date\(0\)|['"]Thu, 01 Jan 1970)|\(\s*(?:\w+\s*,\s*)?["'](?:\w*[_:.-])?(?:theme|color[_-]?scheme|dark[_-]?mode|locale|lang|language|i18n\w*|time[_-]?zone|tz|sidebar[\w:.-]*|layout|consent\w*|cookie[_-]?consent\w*|view[_-]?mode|currency|flash|country\w*)["']`)
	three := []sinkSafety{{all: rexes(`(?i)secure['"]?\)?\s*(?:[:=(]|=>)\s*(?:true|!)|(?i)\bsecure['"]?\s*[,}]|(?i)secure['"]?\s*[:=]\s*(?:process|settings|is|config|import\.meta|env|this|[a-z]+\.)`, `(?i)http_?only['"]?\)?\s*(?:[:=(]|=>)\s*true`, `(?i)same_?site`),
		says: "the call sets Secure, HttpOnly and SameSite"}}
	inFile := []sinkSafety{{file: true, all: rexes(`(?i)Secure\s*(?:=\s*true|\(true)`, `HttpOnly\s*(?:=\s*true|\(true)`, `(?i)SameSite`), says: "the file sets Secure, HttpOnly and SameSite"}}
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{".cookie(", "ookies.set(", "cookies().set(", "cookies()).set(", "ookieStore.set(", "setCookie("}, arg: name, skip: skip, safe: three,
			unless: rex(`['"](?:js-cookie|universal-cookie|react-cookie|nookies|typescript-cookie|@playwright/test|puppeteer)['"]`),
			re:     rex(`\b(?:res|response|resp|reply)\.(?:cookie|setCookie|cookies\.set)\(|\bcookies\(\)\)?\.set\(|\b(?:ctx|context|c|event|Astro|locals)\.cookies\.set\(|\bcookieStore\.set\(|\bcookies\.set\(|\bsetCookie\(\s*(?:c|ctx|event|res|context|headers|\w*[rR]es\w*)\s*,`), name: "cookie"},
		{rule: rule, in: langs(javascript), words: []string{"express-session", "cookie-session", "iron-session", "koa-session", "@fastify/session", "@fastify/secure-session"}, strings: true, once: true, name: "cookie session",
			re: rex(`(?:from|require\()\s*['"](?:express-session|cookie-session|iron-session(?:/\w+)?|koa-session|@fastify/session|@fastify/secure-session)['"]`)},
		{rule: rule, in: langs(python), words: []string{"set_cookie(", "set_signed_cookie("}, re: rex(`\.set_(?:signed_)?cookie\(`), name: "cookie", arg: name, skip: skip, safe: three},
		{rule: rule, in: langs(python), words: []string{"COOKIE_SECURE", "COOKIE_HTTPONLY"}, re: rex(`(?m)^\s*(?P<k>\w*(?:SESSION|CSRF)_COOKIE_(?:SECURE|HTTPONLY)\s*=\s*False)\b`), notPath: rex(`(?i)(local|dev|development|ci)[^/]*\.py$`)},
		{rule: rule, in: langs(java), words: []string{"new Cookie(", "ResponseCookie.from", "NewCookie"}, imports: rex(`servlet|springframework|ws\.rs|micronaut|ktor`), re: rex(`\bnew Cookie\(|\bResponseCookie\.from(?:ClientResponse)?\(|\bnew NewCookie(?:\.Builder)?\(`), name: "cookie", arg: name, statement: true,
			skip: rex(skip.String() + `|maxAge\(0\)|setMaxAge\(0\)|,\s*(?:null|"")\s*\)`), safe: append(three, inFile...)},
		{rule: rule, in: langs(csharp), words: []string{"Cookies.Append(", ".AddCookie("}, re: rex(`\b(?:Cookies\.Append|AddCookie)\(`), name: "cookie", arg: name, skip: rex(skip.String() + `|^AddCookie\(\s*(?:new Cookie|cookie)`), safe: append(three, inFile...)},
		{rule: rule, in: langs(ruby), words: []string{"cookies"}, re: rex(`\bcookies(?:\.(?:signed|permanent|encrypted))*\[\s*:?(?P<k>[^\]]+)\]\s*=[^=~]`), prefix: "cookie ", strings: true, skip: rex(`=\s*(?:nil|"")\s*$|(?i)\[\s*:?["']?(?:\w*_)?(?:theme|locale|lang|language|time_?zone|tz|sidebar\w*|consent)`), safe: three},
		{rule: rule, in: langs(php), words: []string{"setcookie(", "Cookie::", "->withCookie(", "->cookie(", "setCookie("}, re: rex(`\bsetcookie\(|\bCookie::(?:queue|make|forever|create)\(|->(?:withCookie|cookie|setCookie)\(`), name: "cookie", arg: name, skip: rex(skip.String() + `|time\(\)\s*-|,\s*(?:''|""|null)\s*,|Cookie::forget`), safe: three},
		{rule: rule, in: langs(rust), words: []string{"Cookie::"}, re: rex(`\bCookie::(?:build|new|named)\(`), name: "cookie", arg: name, statement: true, skip: skip, safe: three},
	}
}

// passwordSinks hash passwords.
func passwordSinks() []sink {
	const rule = "password-storage"
	cost := []sinkSafety{
		{all: rexes(`(?:,|rounds\s*=|rounds=|\bcost['"]?\s*(?:=>|[:=]))\s*(?:1[0-9])\b|rounds\s*=\s*\d{5,}|(?i)memory_?cost|timeCost|time_cost`), says: "the call names its cost"}}
	aboutPasswords := rex(`(?i)passw|pwd`)
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"bcrypt", "argon2", "Bun.password"}, notPath: sinkScripts,
			re: rex(`\b(?P<k>bcrypt(?:js|\w*)?\.(?:hash|hashSync)|argon2\.hash|Bun\.password\.hash)\(`), safe: cost},
		{rule: rule, in: langs(javascript), words: []string{"scrypt", "pbkdf2"}, notPath: sinkScripts, imports: aboutPasswords, onlyIf: aboutPasswords,
			re: rex(`\b(?P<k>scrypt(?:Sync)?|scryptAsync|pbkdf2(?:Sync)?)\(`)},
		{rule: rule, in: langs(python), words: []string{"CryptContext(", "hashpw(", "PasswordHash", "generate_password_hash(", "argon2"}, notPath: sinkScripts,
			re: rex(`(?:^|[^\w.])(?P<k>CryptContext|bcrypt\.hashpw|(?:argon2\.)?PasswordHasher|PasswordHash(?:\.recommended)?|generate_password_hash|bcrypt\.generate_password_hash)\(`), safe: cost},
		{rule: rule, in: langs(python), words: []string{"pbkdf2_hmac(", "scrypt("}, onlyIf: aboutPasswords, re: rex(`\b(?P<k>hashlib\.(?:pbkdf2_hmac|scrypt))\(`), safe: cost},
		{rule: rule, in: langs(python), words: []string{"PASSWORD_HASHERS"}, re: rex(`\bPASSWORD_HASHERS\s*(?:\+?=|:)`), name: "PASSWORD_HASHERS", arg: rex(`['"][\w.]*\.(\w+)['"]`), once: true, notPath: rex(`(?i)(test|ci|local|dev)[^/]*\.py$`)},
		{rule: rule, in: langs(java), words: []string{"PasswordEncoder", "BCrypt.hashpw"},
			re: rex(`\bnew\s+(?P<k>(?:BCrypt|Argon2|SCrypt|Pbkdf2|Delegating|Standard|MessageDigest|Md4|Ldap\w*)PasswordEncoder)\(|\bPasswordEncoderFactories\.create\w+\(|\bNoOpPasswordEncoder\.getInstance\(|\bBCrypt\.hashpw\(|\bclass\s+\w+\s+implements\s+PasswordEncoder\b`), safe: []sinkSafety{{all: rexes(`BCryptPasswordEncoder\(\s*1[0-9]\b|(?:Argon2|SCrypt|Pbkdf2)PasswordEncoder\([^)]*\d`), says: "the call names its cost"}}},
		{rule: rule, in: langs(csharp), words: []string{"PasswordHasher", "AddIdentity", "AddDefaultIdentity", "BCrypt", "Rfc2898DeriveBytes"},
			re: rex(`\bclass\s+(?P<k>\w*PasswordHasher)\b|\bAdd(?:Default)?Identity(?:Core)?<|\bBCrypt\.(?:Net\.BCrypt\.)?(?:Enhanced)?HashPassword\(|\bnew PasswordHasher<`)},
		{rule: rule, in: langs(csharp), words: []string{"Rfc2898DeriveBytes"}, onlyIf: aboutPasswords, re: rex(`\b(?P<k>Rfc2898DeriveBytes(?:\.Pbkdf2)?)\(`), safe: []sinkSafety{{all: rexes(`\b\d{6,}\b`), says: "the call names its cost"}}},
		{rule: rule, in: langs(ruby), words: []string{"has_secure_password", "database_authenticatable", "BCrypt::Password"}, strings: true, re: rex(`(?m)^\s*has_secure_password\b(?:\s+:\w+)?|:database_authenticatable\b|\bBCrypt::Password\.create\b`), notPath: rex(`(?i)schema\.rb$|migrate/`), safe: cost},
		{rule: rule, in: langs(php), words: []string{"password_hash(", "Hash::make(", "UserPasswordHasher"}, re: rex(`\b(?P<k>password_hash|Hash::make)\(|->hashPassword\(`), safe: cost},
		{rule: rule, in: langs(rust), words: []string{"Argon2", "bcrypt::hash", "hash_password", "Pbkdf2", "Scrypt"}, onlyIf: aboutPasswords, re: rex(`\b(?P<k>bcrypt::hash(?:_with_result)?|hash_password(?:_\w+)?)\(`), skip: rex(`^fn `)},
	}
}
