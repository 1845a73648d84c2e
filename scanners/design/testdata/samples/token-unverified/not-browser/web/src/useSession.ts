import { useEffect } from 'react';
import { jwtDecode } from 'jwt-decode';

export const expiry = (token: string) => jwtDecode<{ exp: number }>(token).exp;
