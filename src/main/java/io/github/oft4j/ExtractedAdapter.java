package io.github.oft4j;

/**
 * The result of an {@link AdapterExtract}.
 *
 * @param adapter exact Cayley, turns inputs
 * @param report how well it explains the change
 */
public record ExtractedAdapter(AdapterFile adapter, ExtractReport report) {}
