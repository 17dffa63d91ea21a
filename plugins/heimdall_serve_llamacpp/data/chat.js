"use strict";
const turns = document.getElementById("turns");
const form = document.getElementById("ask");
const input = document.getElementById("question");
const button = form.querySelector("button");

const KEYWORDS = new Set(("MATCH OPTIONAL WHERE WITH RETURN ORDER BY SKIP LIMIT UNWIND CREATE MERGE SET " +
  "REMOVE DETACH DELETE CALL YIELD UNION ALL FOREACH ON AS AND OR XOR NOT IN IS NULL TRUE FALSE DISTINCT " +
  "CASE WHEN THEN ELSE END ASC DESC STARTS ENDS CONTAINS EXISTS COUNT INDEX FOR CONSTRAINT REQUIRE UNIQUE " +
  "DROP SHOW IF").split(" "));
const TOKEN = /(\/\/[^\n]*)|('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(:\s*[A-Za-z_`][\w`]*)|([A-Za-z_]\w*)|(\d+(?:\.\d+)?)|([\s\S])/g;

function element(name, kind, text) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Everything goes into the page as text: an answer cannot become markup.
function highlight(query) {
  const pre = element("pre", "query");
  for (const found of query.matchAll(TOKEN)) {
    const [whole, comment, string, label, word, number] = found;
    const kind = comment ? "comment" : string ? "string" : label ? "label" : number ? "number"
      : word && KEYWORDS.has(word.toUpperCase()) ? "keyword" : "";
    pre.append(kind ? element("span", kind, whole) : whole);
  }
  return pre;
}

function show(article, reply) {
  if (reply.query) {
    const before = reply.answer.split(reply.query)[0].replace(/```\w*\s*$/, "").trim();
    if (before) article.append(element("p", "prose", before));
    article.append(highlight(reply.query));
  } else {
    article.append(element("p", "prose", reply.answer || "(no answer)"));
  }
  const line = element("p");
  if (reply.valid === true) line.append(element("span", "verdict valid", "valid Cypher"));
  else if (reply.valid === false) line.append(element("span", "verdict invalid", "not valid"));
  const notes = [];
  if (reply.source === "template") notes.push("from a template: the model's answer failed the checker twice");
  if (reply.source === "second try") notes.push("second try");
  if (reply.cached) notes.push("from the cache");
  if (reply.finish !== "stop") notes.push("cut off (" + reply.finish + ")");
  notes.push((reply.seconds * 1000).toFixed(0) + " ms");
  line.append(element("span", "note", notes.join(" · ")));
  article.append(line);
  if (reply.findings.length) {
    const list = element("ul", "findings");
    for (const finding of reply.findings) {
      list.append(element("li", finding.severity, finding.code + ": " + finding.message));
    }
    article.append(list);
  }
  if (reply.plan.length) {
    const details = element("details");
    details.open = true;
    details.append(element("summary", "", "Plan"));
    const list = element("ol", "plan");
    for (const step of reply.plan) {
      const item = element("li");
      item.append(element("span", "keyword", step.clause), " " + step.text, element("span", "note", step.meaning));
      list.append(item);
    }
    details.append(list);
    article.append(details);
  }
}

async function ask(question) {
  const article = element("article");
  article.append(element("p", "question", question));
  const waiting = element("p", "note", "…");
  article.append(waiting);
  turns.append(article);
  button.disabled = true;
  try {
    const answer = await fetch("/api/ask", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ question }),
    });
    const reply = await answer.json();
    waiting.remove();
    if (answer.ok) show(article, reply);
    else article.append(element("p", "verdict invalid", reply.error.message));
  } catch (error) {
    waiting.remove();
    article.append(element("p", "verdict invalid", "the server does not answer"));
  }
  button.disabled = false;
  article.scrollIntoView();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = input.value.trim();
  if (question) { input.value = ""; ask(question); }
});

fetch("/health").then((answer) => answer.json()).then((health) => {
  document.getElementById("model").textContent = health.model + ", " + health.context + " tokens";
});
// A question in the address is asked at once: /?q=Find+all+people.
const given = new URLSearchParams(location.search).get("q");
if (given) ask(given);
