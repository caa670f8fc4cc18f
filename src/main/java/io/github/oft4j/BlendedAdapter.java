package io.github.oft4j;

/**
 * The result of an {@link AdapterBlend}.
 *
 * @param adapter exact Cayley; written by {@link AdapterConvert}, or, where it turns inputs, by
 *     {@link AdapterFile#save}
 * @param report what was made
 */
public record BlendedAdapter(AdapterFile adapter, BlendReport report) {}
