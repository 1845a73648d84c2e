import { NextResponse } from "next/server";

export async function GET() { return NextResponse.json({}); }
export const DELETE = withAuth(async () => NextResponse.json({}));
