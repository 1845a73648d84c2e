export async function push(body: unknown) {
  await fetch('https://push.vendor.dev/v1/send', { method: 'POST', body: JSON.stringify(body) });
  return axios.post(
    `https://${region}.ingest.vendor.dev/v1`,
    body,
  );
}
