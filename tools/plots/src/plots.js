// SPDX-License-Identifier: GPL-2.0
//
// Draws packed plots, once what they are in is opened. packed.rs says how they
// are packed, and defines WIDTH, HEIGHT, MARGIN and COLUMNS.
"use strict";

/* The digit at a place of the text: all that can be printed but the "<". */
function digit(text, n)
{
	const code = text.charCodeAt(n);

	return code - 33 - (code > 60 ? 1 : 0);
}

/* A line's columns: first and last value of each, or null where there is none. */
function unpack(text)
{
	const columns = [];
	let last = null;

	for (let n = 0; n < text.length; n++) {
		if (text[n] === "~") {
			for (let count = digit(text, ++n); count > 0; count--)
				columns.push(last);
			continue;
		}
		last = text[n] === "}" ? null : [digit(text, n), digit(text, ++n)];
		columns.push(last);
	}
	return columns;
}

const x = column => MARGIN + column / COLUMNS * (WIDTH - MARGIN);
const y = value => HEIGHT - 4 - value;

function line(name, columns)
{
	let points = "";

	if (name === "mark") {
		columns.forEach((values, n) => {
			if (values)
				points += `M${x(n + 0.5).toFixed(1)} 16V${HEIGHT}`;
		});
		return `<path class="mark" d="${points}"/>`;
	}
	columns.forEach((values, n) => {
		if (values)
			points += `${x(n + 0.25).toFixed(1)},${y(values[0])} ` +
				  `${x(n + 0.75).toFixed(1)},${y(values[1])} `;
	});
	return `<polyline class="${name}" points="${points}"/>`;
}

/* A plot from its lines of text: title and axis first. */
function plot(text)
{
	const [head, ...lines] = text.trim().split("\n");
	const [title, ...figures] = head.split("\t");
	let svg = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">` +
		  `<text x="${MARGIN}" y="11">${title}</text>`;

	figures.forEach((figure, n) => {
		const at = y(n * (HEIGHT - 22) / (figures.length - 1));

		svg += `<path class="grid" d="M${MARGIN} ${at}H${WIDTH}"/>` +
		       `<text class="axis" x="${MARGIN - 4}" y="${at + 4}">` +
		       `${figure}</text>`;
	});
	for (const packed of lines) {
		const [name, columns] = packed.split("\t");

		svg += line(name, unpack(columns));
	}
	return svg + "</svg>";
}

document.addEventListener("toggle", event => {
	const packed = event.target.querySelector("script");

	if (packed)
		packed.outerHTML = packed.textContent.trim().split("\n\n")
			.map(plot).join("");
}, true);
