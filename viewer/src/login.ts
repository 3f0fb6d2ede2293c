/** Asks for the server's token; it is never stored and never part of an address. */

import { byId } from "./dom.ts";

export async function login(): Promise<string> {
  const dialog = byId<HTMLDialogElement>("login");
  const token = byId<HTMLInputElement>("token");
  // Escape closes it, too; without a token there is nothing to show, so it is asked for again.
  while (token.value === "") {
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  }
  const { value } = token;
  token.value = "";
  return value;
}
