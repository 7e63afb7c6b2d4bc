/* Goes on with what was pressed, part by part, until it is done. Without this script the button does the same. */
(function () {
  "use strict";

  const form = document.getElementById("synchro-work");
  const work = form.elements.work;
  const bar = document.getElementById("synchro-progress");
  const said = document.getElementById("synchro-said");
  const LONGEST_PAUSE = 30000;
  let pause = 2000;

  function wait(milliseconds) {
    return new Promise((done) => setTimeout(done, milliseconds));
  }

  async function ask() {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
      redirect: "manual",
    });
    if (answer.type === "opaqueredirect" || (answer.status >= 400 && answer.status <= 500)) {
      return null;
    }
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    return answer.json();
  }

  async function goOn() {
    for (;;) {
      let told;
      try {
        told = await ask();
      } catch (error) {
        // Nothing is lost: where it has come to is in the database.
        said.textContent = form.dataset.lost;
        await wait(pause);
        pause = Math.min(2 * pause, LONGEST_PAUSE);
        continue;
      }
      if (told === null) {
        form.submit(); // logged out, not allowed any more, or an error: the server says so
        return;
      }
      pause = 2000;
      work.value = told.work;
      bar.value = told.done;
      said.textContent = told.text;
      if (told.finished) {
        form.submit();
        return;
      }
      if (told.waits) {
        await wait(2000);
      }
    }
  }

  goOn();
})();
