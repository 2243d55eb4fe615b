// A card for each face: its label, and a bar for the probability of each label.

import { made, setText } from "./dom.js";
import { percent } from "./words.js";

export const colourOf = (label, model) => model.colours?.[label] ?? "#999999";

export class Faces {
  #list;
  #cards = new Map();

  constructor(list) {
    this.#list = list;
  }

  /** Show the faces of a result, in the order of their numbers: no card moves when another face comes nearer. */
  show(faces, model) {
    const sorted = [...faces].sort((one, other) => one.id - other.id);
    const before = [...this.#cards.keys()].join();
    this.#cards = new Map(sorted.map(({ id }) => [id, this.#cards.get(id) ?? new Card(id)]));
    if ([...this.#cards.keys()].join() !== before) {
      this.#list.replaceChildren(...[...this.#cards.values()].map((card) => card.element));
    }
    for (const face of sorted) this.#cards.get(face.id).show(face, model);
  }
}

class Card {
  #label = made("strong");
  #sure = made("span");
  #bars = made("ul", "bars");
  #others = made("ul", "others");
  #rows = new Map();

  constructor(id) {
    this.element = made("li", "face", made("h3", "", `Face ${id}`, this.#sure), made("p", "reading", this.#label),
      this.#bars, this.#others);
  }

  show(face, model) {
    const { probabilities } = face;
    this.element.style.setProperty("--colour", colourOf(face.label, model));
    setText(this.#label, face.label);
    setText(this.#sure, probabilities ? percent(face.confidence) : face.unreadable ?? "");
    for (const label of model.labels) {
      const row = this.#rows.get(label) ?? this.#add(label, model);
      row.bar.style.setProperty("--share", probabilities?.[label] ?? 0);
      setText(row.share, probabilities ? percent(probabilities[label] ?? 0) : "");
      row.element.classList.toggle("best", label === face.label);
    }
    this.#showOthers(Object.entries(face.models ?? {}).filter(([name]) => name !== model.name));
  }

  #add(label, model) {
    const bar = made("i");
    bar.style.setProperty("--colour", colourOf(label, model));
    const share = made("span", "share");
    const element = made("li", "", made("span", "name", label), made("span", "bar", bar), share);
    const row = { element, bar, share };
    this.#bars.append(element);
    this.#rows.set(label, row);
    return row;
  }

  /** What further models say, a line for each. */
  #showOthers(readings) {
    if (this.#others.children.length !== readings.length) this.#others.replaceChildren(...readings.map(() => made("li")));
    readings.forEach(([name, { label, confidence }], index) =>
      setText(this.#others.children[index], `${name}: ${label} ${percent(confidence)}`));
  }
}
