import { openaiLogo } from './icons/openai';
import { entries } from './ai';
