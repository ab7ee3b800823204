// The table headings of the options whose cost is measured.

/** @param {import('../isolated/option-sets.mjs').OptionName} option */
export function optionTitle(option) {
	if (option === 'none') return 'without options';
	return option === 'all' ? 'all of them' : `\`${option}\``;
}
