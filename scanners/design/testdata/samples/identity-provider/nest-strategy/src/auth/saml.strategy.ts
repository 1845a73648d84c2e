import { Strategy } from '@node-saml/passport-saml';
import { PassportStrategy } from '@nestjs/passport';

export class SamlStrategy extends PassportStrategy(Strategy, 'saml') {}
