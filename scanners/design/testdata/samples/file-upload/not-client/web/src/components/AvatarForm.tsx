import { useState } from 'react';

export function AvatarForm() {
  const send = (file: File) => {
    const data = new FormData();
    data.append('avatar', file);
    return fetch('/api/avatar', { method: 'POST', body: data });
  };
  return <input type="file" onChange={(e) => send(e.target.files![0])} />;
}
