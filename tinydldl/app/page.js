// From a photo to the answer on the page. `page.x` is the element with the id x.

const token = new URLSearchParams(location.search).get("token") ?? ""; // where others can reach the page
const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((node) => [node.id, node]));
let photo = null; // the file that was looked at last
let answer = null; // what the server said of it
let chosen = 0; // the number of the face that is told of
let request = new AbortController();

async function ask(file, whole) {
  request.abort();
  request = new AbortController();
  const { megabytes } = page.file.dataset;
  if (file.size > 1e6 * megabytes) throw new Error(`A photo may have ${megabytes} MB at most.`);
  const options = { method: "POST", body: file, headers: { "X-Token": token }, signal: request.signal };
  let reply;
  try {
    reply = await fetch(whole ? "/estimate?whole=1" : "/estimate", options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The program behind this page does not answer. Is it still running?");
  }
  const values = await reply.json();
  if (!reply.ok) throw new Error(values.error);
  return values;
}

async function look(file, whole = false) {
  photo = file;
  if (!page.booth.hidden) closeCamera();
  page.error.textContent = "";
  page.status.textContent = "Looking at the photo …";
  document.body.classList.add("busy");
  try {
    answer = await ask(file, whole);
    show();
  } catch (error) {
    if (error.name === "AbortError") return; // another photo has come
    page.status.textContent = "";
    page.error.textContent = error.message;
    page.result.hidden = true;
  }
  document.body.classList.remove("busy");
}

// ------------------------------------------------------------------------------------ the answer

function show() {
  const { faces, note } = answer;
  document.body.classList.remove("empty");
  page.invitation.textContent = "Drop or paste another photo, or";
  page.result.hidden = false;
  page.photo.src = answer.photo;
  page.boxes.replaceChildren(...faces.map(box).filter(Boolean));
  page.offer.hidden = !note;
  page.note.textContent = note;
  page.whole.hidden = faces.length > 0;
  page.face.hidden = faces.length === 0;
  page.status.replaceChildren(...summary(faces));
  if (faces.length) choose(0);
}

function summary(faces) {
  if (!faces.length) return [];
  if (faces.length > 1) return [`${faces.length} faces. Choose one to see more of it.`];
  const age = document.createElement("span"); // who sees the page sees it large
  age.className = "spoken";
  age.textContent = ` ${faces[0].age.toFixed(1)} years.`;
  return [faces[0].box ? "One face." : "The whole photo, taken as a face.", age];
}

// A button around a face in the photo, with its age; none for the whole photo.
function box(face, number) {
  if (!face.box) return null;
  const [left, top, right, bottom] = face.box;
  const button = document.createElement("button");
  const percents = {
    left: left / answer.width, top: top / answer.height,
    width: (right - left) / answer.width, height: (bottom - top) / answer.height,
  };
  for (const [side, share] of Object.entries(percents)) button.style[side] = `${100 * share}%`;
  button.type = "button";
  button.className = "box";
  const words = `Face ${number + 1} of ${answer.faces.length}: ${face.age.toFixed(0)} years`;
  button.setAttribute("aria-label", words);
  button.append(document.createElement("span"));
  button.firstChild.textContent = face.age.toFixed(0);
  button.onclick = () => choose(number);
  return button;
}

function choose(number) {
  chosen = number;
  const face = answer.faces[number];
  [...page.boxes.children].forEach((button, k) => button.setAttribute("aria-pressed", k === number));
  page.title.textContent = title(number);
  page.age.textContent = face.age.toFixed(1);
  page.spread.textContent = face.distribution
    ? `give or take ${face.spread.toFixed(1)} years, the standard deviation (shaded)`
    : "This network's method gives one number, and no distribution.";
  page.distribution.hidden = !face.distribution;
  page.seen.src = face.view;
  page["seen-as"].textContent = `${face.box ? "The face, turned upright and cut out" : "The middle of the photo"}, `
    + "with all the pixels that the network gets.";
  page.switch.hidden = !face.map;
  page.mapless.hidden = Boolean(face.map);
  draw();
  drawHeat();
}

function title(number) {
  const count = answer.faces.length;
  return count === 1 ? "Estimated apparent age" : `Face ${number + 1} of ${count}: estimated apparent age`;
}

function draw() {
  const face = answer?.faces[chosen];
  if (!face?.distribution || !page.chart.clientWidth) return;
  drawDistribution(page.chart, answer.labels, face.distribution, face.age, face.spread, page.reading);
}

function drawHeat() {
  const { map } = answer.faces[chosen];
  page.map.hidden = page.legend.hidden = !map || !page.heat.checked;
  if (!map) return;
  const most = drawMap(page.map, map, page.spot);
  page.least.textContent = `${signed(-most)} younger`;
  page.most.textContent = `older ${signed(most)}`;
}

// ------------------------------------------------------------------------------------ the camera

async function openCamera() {
  page.error.textContent = "";
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
    stopCamera(); // if it was on already
    page.video.srcObject = stream;
  } catch (error) {
    page.error.textContent = `The camera cannot be used: ${error.message}.`;
    return;
  }
  page.booth.hidden = false;
  page.shoot.focus();
}

const stopCamera = () => page.video.srcObject?.getTracks().forEach((track) => track.stop());

function closeCamera() {
  stopCamera();
  page.video.srcObject = null;
  page.booth.hidden = true;
  page.camera.focus();
}

function shoot() {
  if (!page.video.videoWidth) return; // there is no picture yet
  const still = document.createElement("canvas");
  still.width = page.video.videoWidth;
  still.height = page.video.videoHeight;
  still.getContext("2d").drawImage(page.video, 0, 0);
  closeCamera();
  still.toBlob(look, "image/jpeg", 0.95);
}

// -------------------------------------------------------------------------------- what is pressed

const taken = (files) => files.length && look(files[0]);

page.file.onchange = () => {
  taken(page.file.files);
  page.file.value = ""; // so that the same file can be chosen again
};
page.camera.onclick = openCamera;
page.near.hidden = Boolean(token);
page.far.hidden = !token;
page.camera.hidden = !navigator.mediaDevices; // browsers lend it to their own computer, or by HTTPS
page.shoot.onclick = shoot;
page.leave.onclick = closeCamera;
page.booth.onkeydown = (event) => event.key === "Escape" && closeCamera();
page.whole.onclick = async () => {
  await look(photo, true);
  page.title.focus();
};
page.heat.onchange = drawHeat;
document.onpaste = (event) => taken(event.clipboardData.files);
document.ondragover = (event) => {
  event.preventDefault();
  page.source.classList.add("over");
};
document.ondragleave = () => page.source.classList.remove("over");
document.ondrop = (event) => {
  event.preventDefault();
  page.source.classList.remove("over");
  taken(event.dataTransfer.files);
};
new ResizeObserver(draw).observe(page.chart);
