'use strict';

// Sorts and filters the table of layers.
{
  const table = document.getElementById('layers');

  // A cell's number where it has one, else its text; what is no number counts as the largest.
  const key = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.value === undefined) return cell.textContent;
    const number = Number(cell.dataset.value);
    return Number.isNaN(number) ? Infinity : number;
  };

  const compare = (a, b) =>
    typeof a === 'string' ? a.localeCompare(b, 'en', {numeric: true}) : a < b ? -1 : a > b ? 1 : 0;

  const sort = (header, direction) => {
    const column = header.cellIndex;
    const sign = direction === 'ascending' ? 1 : -1;
    const body = table.tBodies[0];
    body.append(
      ...[...body.rows].sort((a, b) => sign * compare(key(a, column), key(b, column))));
    for (const other of header.parentNode.cells) other.removeAttribute('aria-sort');
    header.setAttribute('aria-sort', direction);
  };

  // Numbers begin with the largest, which are the worst.
  const nextDirection = header => {
    const isNumber = table.tBodies[0].rows[0].cells[header.cellIndex].dataset.value !== undefined;
    const first = isNumber ? 'descending' : 'ascending';
    const second = isNumber ? 'ascending' : 'descending';
    return header.getAttribute('aria-sort') === first ? second : first;
  };

  const makeSortable = header => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...header.childNodes);
    button.addEventListener('click', () => sort(header, nextDirection(header)));
    header.append(button);
  };

  const makeFilter = () => {
    const form = document.createElement('div');
    form.className = 'filter';
    const label = document.createElement('label');
    const input = document.createElement('input');
    input.type = 'search';
    label.append('Only layers whose name or kind has ', input);
    const count = document.createElement('output');
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/);
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const text = `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase();
        row.hidden = !words.every(word => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = `${shown} of ${table.tBodies[0].rows.length}`;
    };
    input.addEventListener('input', filter);
    filter();
    form.append(label, count);
    return form;
  };

  if (table) {
    for (const header of table.tHead.rows[0].cells) makeSortable(header);
    table.parentNode.before(makeFilter());
  }
}
