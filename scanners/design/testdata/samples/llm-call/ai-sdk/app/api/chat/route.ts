import { streamText } from 'ai';
import { openai } from '@ai-sdk/openai';
