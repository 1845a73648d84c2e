import * as githubPassport from 'passport-github2';
import { PassportStrategy } from '@nestjs/passport';

export class GithubStrategy extends PassportStrategy(githubPassport.Strategy, 'github') {}
