import AdmZip from 'adm-zip';

export function unpackTheme(buffer: Buffer, target: string) {
  const zip = new AdmZip(buffer);
  zip.extractAllTo(target, true);
}
