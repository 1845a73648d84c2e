import GoogleProvider, { type GoogleProfile } from "next-auth/providers/google";
