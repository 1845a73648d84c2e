# from openai import OpenAI
import opensearchpy
