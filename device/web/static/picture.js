// Draws the newest picture, or, where none is sent, the places of the faces.

export class Picture {
  #canvas;
  #context;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  /** Draw a message of the stream; resolves when it is drawn. */
  async draw({ result, size, model }, jpeg) {
    if (jpeg) {
      const bitmap = await createImageBitmap(jpeg);
      this.#fit(bitmap.width, bitmap.height);
      this.#context.drawImage(bitmap, 0, 0);
      bitmap.close();
    } else if (result) {
      this.#fit(...size);
      this.#places(result.faces, model.colours);
    }
  }

  #fit(width, height) {
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    document.body.style.setProperty("--ratio", width / height); // style sheets fit the picture into the window
  }

  #places(faces, colours) {
    const { width, height } = this.#canvas;
    const context = this.#context;
    const unit = Math.max(1, Math.min(width, (height * 4) / 3) / 640);
    context.fillStyle = "#1d222a";
    context.fillRect(0, 0, width, height);
    context.lineWidth = 2 * unit;
    context.font = `600 ${16 * unit}px system-ui, sans-serif`;
    for (const { box: [x, y, wide, high], id, label } of faces) {
      context.strokeStyle = context.fillStyle = colours[label] ?? "#fff";
      context.strokeRect(x, y, wide, high);
      context.fillText(`${id}  ${label}`, x, y > 24 * unit ? y - 8 * unit : y + 20 * unit);
    }
  }
}
