// Sends the secret of the link, and the password if one is chosen, and shows the result in words.
"use strict";
const token = location.hash.slice(1);
// The secret is removed from the address, so that it is not in the browser's history.
history.replaceState(null, "", location.pathname);
for (const form of document.querySelectorAll("form[data-operation]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const status = form.querySelector("[role=status]");
    const field = form.querySelector("input");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.operation, {
        method: "POST",
        credentials: "omit",
        headers: { "Content-Type": "application/json", "Accept-Language": form.dataset.language },
        body: JSON.stringify(field ? { token, password: field.value } : { token }),
      });
      status.textContent = answer.ok ? form.dataset.done : (await answer.json()).detail;
      button.disabled = answer.ok;
      if (field && answer.ok) field.value = "";
    } catch {
      status.textContent = form.dataset.language === "sv" ? "Tjänsten svarar inte. Försök igen om en stund." : "The service does not answer. Try again in a moment.";
      button.disabled = false;
    }
  });
}
