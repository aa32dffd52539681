// Keeps in `notices` what Node-RED's editor tells, which it takes away after some seconds.
window.notices = [];
new MutationObserver(() => {
    const shown = document.getElementById("red-ui-notifications");
    if (shown && shown.textContent) { window.notices.push(shown.textContent); }
}).observe(document, { childList: true, subtree: true });
