package io.github.oft4j;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.net.URISyntaxException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Façade, bindings and command line speak to the next layer only. */
class ArchitectureTest {
  private static final String FACADE = "io.github.oft4j";
  private static final String TRAINING = "io.github.oft4j.train..";
  private static final String COMMAND_LINE = "io.github.oft4j.cli..";
  private static final String INTERNAL = "io.github.oft4j.internal..";
  private static final String BINDINGS = "io.github.oft4j.internal.ffm..";

  private static JavaClasses classes;

  @BeforeAll
  static void importClasses() throws URISyntaxException {
    var location = OFT.class.getProtectionDomain().getCodeSource().getLocation();
    classes = new ClassFileImporter().importPath(Path.of(location.toURI()));
  }

  @Test
  void nativeMemoryIsKnownToInternalsAndToTensor() {
    noClasses()
        .that(not(resideInAPackage(INTERNAL)).and(not(belongToAnyOf(Tensor.class))))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("java.lang.foreign..")
        .check(classes);
  }

  @Test
  void bindingsAreCalledByTheFacadeAndItsInternals() {
    classes()
        .that()
        .resideInAPackage(BINDINGS)
        .should()
        .onlyHaveDependentClassesThat()
        .resideInAnyPackage(FACADE, INTERNAL)
        .check(classes);
  }

  @Test
  void bindingsDependOnTheJdkAlone() {
    classes()
        .that()
        .resideInAPackage(BINDINGS)
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage("java..", BINDINGS)
        .check(classes);
  }

  @Test
  void trainingAndTheCommandLineSeeTheFacadeOnly() {
    noClasses()
        .that()
        .resideInAnyPackage(TRAINING, COMMAND_LINE)
        .should()
        .dependOnClassesThat()
        .resideInAPackage(INTERNAL)
        .check(classes);
  }

  @Test
  void onlyTheCommandLineDependsOnTraining() {
    noClasses()
        .that(not(resideInAPackage(TRAINING)).and(not(resideInAPackage(COMMAND_LINE))))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(TRAINING)
        .check(classes);
  }

  @Test
  void nothingDependsOnTheCommandLine() {
    noClasses()
        .that(not(resideInAPackage(COMMAND_LINE)))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(COMMAND_LINE)
        .check(classes);
  }

  @Test
  void internalsKnowOfTheFacadeItsExceptionsOnly() {
    noClasses()
        .that()
        .resideInAPackage(INTERNAL)
        .should()
        .dependOnClassesThat(resideInAPackage(FACADE).and(not(assignableTo(OFTException.class))))
        .check(classes);
  }

  @Test
  void packagesFormNoCycles() {
    slices().matching("io.github.oft4j.(*)..").should().beFreeOfCycles().check(classes);
  }
}
